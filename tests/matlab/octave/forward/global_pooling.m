function y = global_pooling(x, reduce)
%GLOBAL_POOLING  The spatial axes become 1; the time of a sequence goes. Pages globalAveragePooling1dLayer and ...2dLayer.
    y = x;
    if strcmp(x.format, 'CBT')
        y = value_of(reduce(x.data, 3), 'CB');
    else
        for axis = find(x.format == 'S')
            y.data = reduce(y.data, axis);
        end
    end
end
