function y = combination(kind, p, arriving)
%COMBINATION  Layers of several inputs: in1, in2 ... Pages additionLayer, depthConcatenationLayer, concatenationLayer.
    y = arriving.in1;
    for k = 2:p.NumInputs
        next = arriving.(sprintf('in%d', k)).data;
        switch kind
            case 'AdditionLayer'
                y.data = y.data + next;
            case 'MultiplicationLayer'
                y.data = y.data .* next;
            case 'DepthConcatenationLayer'
                y.data = cat(3, y.data, next);
            case 'ConcatenationLayer'
                y.data = cat(p.Dim, y.data, next);
        end
    end
end
