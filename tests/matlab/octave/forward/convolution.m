function y = convolution(p, x)
%CONVOLUTION  Pages convolution1dLayer, convolution2dLayer, convolution3dLayer, groupedConvolution2dLayer.
%
%   The dot product of each filter with the window below it, not turned round. Weights: window, channels, filters; of groups
%   window, channels per group, filters per group, groups.
    window = three(p.FilterSize);
    stride = three(p.Stride);
    step = three(p.DilationFactor);
    reach = (window - 1) .* step + 1;
    v = as_volume(x);
    own = [size(v, 1), size(v, 2), size(v, 3)];
    [first, last] = sides(p.PaddingMode, p.PaddingSize, own, reach, stride);
    v = padded(v, first, last, p.PaddingValue);
    if isfield(p, 'NumGroups')
        groups = p.NumGroups;
        filters = p.NumFiltersPerGroup;
    else
        groups = 1;
        filters = p.NumFilters;
    end
    share = size(v, 4) / groups;
    weights = reshape(double(p.Weights), [window, share, filters, groups]);
    bias = reshape(double(p.Bias), filters, groups);
    count = floor((own + first + last - reach) ./ stride) + 1;
    result = zeros([count, filters * groups, size(v, 5)]);
    for g = 1:groups
        for n = 1:filters
            total = bias(n, g);
            for i = 1:window(1)
                for j = 1:window(2)
                    for k = 1:window(3)
                        places = arrayfun(@(a, o) 1 + (o - 1) * step(a) + (0:count(a) - 1) * stride(a), 1:3, [i j k], ...
                                          'UniformOutput', false);
                        below = v(places{:}, (g - 1) * share + (1:share), :);
                        total = total + sum(below .* reshape(weights(i, j, k, :, n, g), 1, 1, 1, share), 4);
                    end
                end
            end
            result(:, :, :, (g - 1) * filters + n, :) = total;
        end
    end
    y = from_volume(result, x.format);
end
