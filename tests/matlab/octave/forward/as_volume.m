function v = as_volume(x)
%AS_VOLUME  An image or a sequence with three spatial axes, channels and observations; missing ones have size 1.
    switch x.format
        case 'SSSCB'
            v = x.data;
        case 'SSCB'
            v = reshape(x.data, size(x.data, 1), size(x.data, 2), 1, size(x.data, 3), size(x.data, 4));
        case 'CBT'
            v = reshape(permute(x.data, [3 1 2]), size(x.data, 3), 1, 1, size(x.data, 1), size(x.data, 2));
    end
end
