function y = normalization(kind, p, x)
%NORMALIZATION  Pages crossChannelNormalizationLayer, batchNormalizationLayer, groupNormalizationLayer,
%   instanceNormalizationLayer, layerNormalizationLayer (section Algorithms). Variances are divided by the number of elements.
    if strcmp(x.format, 'CBT') && ~strcmp(p.OperationDimension, 'channel-only')   % the time as a spatial axis
        y = normalization(kind, p, value_of(permute(x.data, [3 1 2]), 'SCB'));
        y = value_of(permute(y.data, [2 3 1]), 'CBT');
        return
    end
    y = x;
    axis = find(x.format == 'C');
    channels = size(x.data, axis);
    across = [ones(1, axis - 1), channels, 1];
    if strcmp(kind, 'CrossChannelNormalizationLayer')
        w = p.WindowChannelSize;
        for c = 1:channels   % an even window looks one channel further ahead
            near = max(c - floor((w - 1) / 2), 1):min(c + floor(w / 2), channels);
            total = sum(x.data(:, :, near, :) .^ 2, 3);
            y.data(:, :, c, :) = x.data(:, :, c, :) ./ (p.K + p.Alpha * total / w) .^ p.Beta;
        end
        return
    end
    switch kind
        case 'BatchNormalizationLayer'
            deviation = sqrt(reshape(double(p.TrainedVariance), across) + p.Epsilon);
            y.data = (x.data - reshape(double(p.TrainedMean), across)) ./ deviation;
        case 'GroupNormalizationLayer'
            y.data = in_groups(x, axis, p.NumGroups, p.Epsilon);
        case 'InstanceNormalizationLayer'
            y.data = in_groups(x, axis, channels, p.Epsilon);
        case 'LayerNormalizationLayer'
            if strcmp(p.OperationDimension, 'channel-only')
                y.data = standard(x.data, axis, p.Epsilon);
            else   % 'spatial-channel' of an image, 'batch-excluded' of a sequence
                y.data = in_groups(x, axis, 1, p.Epsilon);
            end
    end
    y.data = y.data .* reshape(double(p.Scale), across) + reshape(double(p.Offset), across);
end

function data = in_groups(x, axis, groups, epsilon)
% Channels that stand together, with all of their spatial axes, for each observation.
    data = x.data;
    share = size(data, axis) / groups;
    for b = 1:size(data, axis + 1)
        for g = 1:groups
            c = (g - 1) * share + (1:share);
            place = [repmat({':'}, 1, axis - 1), {c, b}];
            part = data(place{:});
            data(place{:}) = reshape(standard(part(:), 1, epsilon), size(part));
        end
    end
end

function data = standard(data, axis, epsilon)
    centred = data - mean(data, axis);
    data = centred ./ sqrt(mean(centred .^ 2, axis) + epsilon);
end
