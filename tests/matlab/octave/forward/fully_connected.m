function y = fully_connected(p, x)
%FULLY_CONNECTED  Page fullyConnectedLayer: W x + b, of an image all elements in column-major order, of a sequence each step.
    if strcmp(x.format, 'CBT')
        [c, b, t] = size(x.data);
        y = value_of(reshape(double(p.Weights) * reshape(x.data, c, b * t) + double(p.Bias), [], b, t), 'CBT');
    else
        y = value_of(double(p.Weights) * columns(x) + double(p.Bias), 'CB');
    end
end
