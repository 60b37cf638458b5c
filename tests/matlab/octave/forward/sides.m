function [first, last] = sides(mode, stored, own, reach, stride)
%SIDES  Padding before and after each of three spatial axes.
%
%   stored is PaddingSize: [first last] of a sequence, [top bottom left right] of an image, [top left front; bottom right back]
%   of a volume. reach is the size of the window with its dilation. 'same' adds as much as gives ceil(size / stride) elements,
%   the odd one at the end (pages convolution2dLayer and maxPooling2dLayer); 'causal' looks at the past alone.
    [first, last] = deal([0 0 0]);
    switch mode
        case 'same'
            total = max((ceil(own ./ stride) - 1) .* stride + reach - own, 0);
            first = floor(total / 2);
            last = total - first;
        case 'causal'
            first(1) = reach(1) - 1;
        otherwise
            if size(stored, 1) == 2
                first = stored(1, :);
                last = stored(2, :);
            else
                count = numel(stored) / 2;
                first(1:count) = stored(1:2:end);
                last(1:count) = stored(2:2:end);
            end
    end
end
