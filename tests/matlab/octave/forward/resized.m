function y = resized(p, x)
%RESIZED  Page resize2dLayer. Each output element asks the input at a place between elements, which never lies outside.
    y = x;
    for axis = 1:2
        own = size(y.data, axis);
        scale = p.OutputSize(axis) / own;
        k = 1:p.OutputSize(axis);
        if strcmp(p.GeometricTransformMode, 'half-pixel')
            place = (k - 0.5) / scale + 0.5;
        else
            place = (k - 1) / scale + 1;
        end
        if strcmp(p.Method, 'nearest')
            if strcmp(p.NearestRoundingMode, 'round')
                place = round(place);
            end
            place = floor(place);
        end
        place = min(max(place, 1), own);
        low = floor(place);
        share = place - low;
        if axis == 1
            y.data = y.data(low, :, :, :) .* (1 - share') + y.data(min(low + 1, own), :, :, :) .* share';
        else
            y.data = y.data(:, low, :, :) .* (1 - share) + y.data(:, min(low + 1, own), :, :) .* share;
        end
    end
end
