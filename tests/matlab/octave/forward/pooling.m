function [y, indices] = pooling(p, x, kind)
%POOLING  Pages maxPooling1dLayer, maxPooling2dLayer, averagePooling2dLayer and their like.
%
%   The largest element of each window, where padding never wins; or their mean, in which padding counts as zeros, or, where
%   PaddingValue is 'mean', does not count. indices: where in x.data each largest element stands.
    window = three(p.PoolSize);
    stride = three(p.Stride);
    v = as_volume(x);
    own = [size(v, 1), size(v, 2), size(v, 3)];
    [first, last] = sides(p.PaddingMode, p.PaddingSize, own, window, stride);
    count = floor((own + first + last - window) ./ stride) + 1;
    places = padded(reshape(1:numel(v), size(v)), first, last, 0);   % 0: padding
    result = zeros([count, size(v, 4), size(v, 5)]);
    indices = result;
    for i = 1:count(1)
        for j = 1:count(2)
            for k = 1:count(3)
                corner = ([i j k] - 1) .* stride;
                below = places(corner(1) + (1:window(1)), corner(2) + (1:window(2)), corner(3) + (1:window(3)), :, :);
                for c = 1:size(v, 4)
                    for b = 1:size(v, 5)
                        inside = below(:, :, :, c, b);
                        inside = inside(inside > 0);
                        if strcmp(kind, 'max')
                            [result(i, j, k, c, b), place] = max(v(inside));
                            indices(i, j, k, c, b) = inside(place);
                        elseif strcmp(p.PaddingValue, 'mean')
                            result(i, j, k, c, b) = mean(v(inside));
                        else
                            result(i, j, k, c, b) = sum(v(inside)) / prod(window);
                        end
                    end
                end
            end
        end
    end
    y = from_volume(result, x.format);
end
