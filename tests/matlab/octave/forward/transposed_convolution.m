function y = transposed_convolution(p, x)
%TRANSPOSED_CONVOLUTION  Pages transposedConv2dLayer, transposedConv3dLayer; the transpose of a convolution.
%
%   Each element of the input, times the window, is added to the output at its place times the stride. Weights: window,
%   filters, channels. What CroppingSize says is cut off; 'same' leaves size times stride, cutting the odd one at the end.
    window = three(p.FilterSize);
    stride = three(p.Stride);
    v = as_volume(x);
    own = [size(v, 1), size(v, 2), size(v, 3)];
    weights = reshape(double(p.Weights), [window, p.NumFilters, size(v, 4)]);
    whole = zeros([(own - 1) .* stride + window, p.NumFilters, size(v, 5)]);
    for n = 1:p.NumFilters
        for i = 1:window(1)
            for j = 1:window(2)
                for k = 1:window(3)
                    places = arrayfun(@(a, o) o + (0:own(a) - 1) * stride(a), 1:3, [i j k], 'UniformOutput', false);
                    part = sum(v .* reshape(weights(i, j, k, n, :), 1, 1, 1, []), 4);
                    whole(places{:}, n, :) = whole(places{:}, n, :) + part;
                end
            end
        end
        whole(:, :, :, n, :) = whole(:, :, :, n, :) + double(p.Bias(n));
    end
    if strcmp(p.CroppingMode, 'same')
        cut = window - stride;
        first = floor(cut / 2);
        last = cut - first;
    else
        [first, last] = sides('manual', p.CroppingSize, own, window, stride);
    end
    places = arrayfun(@(a) 1 + first(a):size(whole, a) - last(a), 1:3, 'UniformOutput', false);
    y = from_volume(whole(places{:}, :, :), x.format);
end
