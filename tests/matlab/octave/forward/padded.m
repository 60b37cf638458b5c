function v = padded(v, first, last, filling)
%PADDED  A volume with elements before and after each spatial axis: a number, 'replicate' or 'symmetric-exclude-edge'.
    own = [size(v, 1), size(v, 2), size(v, 3)];
    places = cell(1, 3);
    for axis = 1:3
        places{axis} = 1 - first(axis):own(axis) + last(axis);
    end
    if isnumeric(filling)
        whole = filling * ones([own + first + last, size(v, 4), size(v, 5)]);
        inside = arrayfun(@(k) first(k) + (1:own(k)), 1:3, 'UniformOutput', false);
        whole(inside{:}, :, :) = v;
        v = whole;
        return
    end
    for axis = 1:3
        k = places{axis};
        if strcmp(filling, 'symmetric-exclude-edge')   % mirrored, without the edge itself
            k(k < 1) = 2 - k(k < 1);
            k(k > own(axis)) = 2 * own(axis) - k(k > own(axis));
        end
        places{axis} = min(max(k, 1), own(axis));
    end
    v = v(places{:}, :, :);
end
