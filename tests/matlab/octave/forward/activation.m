function y = activation(kind, p, x)
%ACTIVATION  Layers that act on each element alone, and softmax: section Algorithms of their pages.
    y = x;
    v = x.data;
    switch kind
        case 'ReLULayer'
            y.data = max(v, 0);
        case 'LeakyReLULayer'
            y.data(v < 0) = p.Scale * v(v < 0);
        case 'ClippedReLULayer'
            y.data = min(max(v, 0), p.Ceiling);
        case 'PReLULayer'
            alpha = reshape(double(p.Alpha), [ones(1, find(x.format == 'C') - 1), numel(p.Alpha), 1]);
            y.data = max(v, 0) + alpha .* min(v, 0);
        case 'ELULayer'
            y.data(v < 0) = p.Alpha * (exp(v(v < 0)) - 1);
        case 'GELULayer'
            if strcmp(p.Approximation, 'tanh')
                y.data = v / 2 .* (1 + tanh(sqrt(2 / pi) * (v + 0.044715 * v .^ 3)));
            else
                y.data = v / 2 .* (1 + erf(v / sqrt(2)));
            end
        case 'SwishLayer'
            y.data = v ./ (1 + exp(-v));
        case 'SigmoidLayer'
            y.data = 1 ./ (1 + exp(-v));
        case 'TanhLayer'
            y.data = tanh(v);
        case 'SoftplusLayer'
            y.data = log(1 + exp(v));
        case 'SoftmaxLayer'   % over the channels
            axis = find(x.format == 'C');
            y.data = exp(v - max(v, [], axis));
            y.data = y.data ./ sum(y.data, axis);
        case {'DropoutLayer', 'ClassificationOutputLayer', 'RegressionOutputLayer'}
            % Nothing happens when predicting.
        otherwise
            error('forward:layer', 'layers of class %s are not described here', kind);
    end
end
