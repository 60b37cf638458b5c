function y = normalized_input(p, x)
%NORMALIZED_INPUT  Property Normalization of the input layers: pages imageInputLayer, image3dInputLayer, sequenceInputLayer.
%
%   The statistics are those of the training data, for each element, each channel, or one number for all.
    y = x;
    switch p.Normalization
        case 'zerocenter'
            y.data = x.data - double(p.Mean);
        case 'zscore'
            y.data = (x.data - double(p.Mean)) ./ double(p.StandardDeviation);
        case 'rescale-symmetric'   % to [-1, 1]
            y.data = 2 * (x.data - double(p.Min)) ./ (double(p.Max) - double(p.Min)) - 1;
        case 'rescale-zero-one'    % to [0, 1]
            y.data = (x.data - double(p.Min)) ./ (double(p.Max) - double(p.Min));
    end
end
