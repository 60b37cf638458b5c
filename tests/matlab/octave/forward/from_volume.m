function y = from_volume(v, format)
%FROM_VOLUME  The reverse of as_volume.
    switch format
        case 'SSCB'
            v = reshape(v, size(v, 1), size(v, 2), size(v, 4), size(v, 5));
        case 'CBT'
            v = permute(reshape(v, size(v, 1), size(v, 4), size(v, 5)), [2 3 1]);
    end
    y = value_of(v, format);
end
