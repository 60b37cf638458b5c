function results = layer_output(kind, p, arriving)
%LAYER_OUTPUT  The values at the output ports of one layer of class kind with properties p.
    switch kind
        case {'ImageInputLayer', 'Image3DInputLayer', 'SequenceInputLayer', 'FeatureInputLayer'}
            y = normalized_input(p, arriving.in);
        case {'Convolution1DLayer', 'Convolution2DLayer', 'Convolution3DLayer', 'GroupedConvolution2DLayer'}
            y = convolution(p, arriving.in);
        case {'TransposedConvolution1DLayer', 'TransposedConvolution2DLayer', 'TransposedConvolution3DLayer'}
            y = transposed_convolution(p, arriving.in);
        case {'MaxPooling1DLayer', 'MaxPooling2DLayer', 'MaxPooling3DLayer'}
            [y, indices] = pooling(p, arriving.in, 'max');
            if isfield(p, 'HasUnpoolingOutputs') && p.HasUnpoolingOutputs
                results = struct('out', y, 'indices', indices, 'size', size(arriving.in.data));
                return
            end
        case {'AveragePooling1DLayer', 'AveragePooling2DLayer', 'AveragePooling3DLayer'}
            y = pooling(p, arriving.in, 'average');
        case {'GlobalAveragePooling1DLayer', 'GlobalAveragePooling2DLayer', 'GlobalAveragePooling3DLayer'}
            y = global_pooling(arriving.in, @mean);
        case {'GlobalMaxPooling1DLayer', 'GlobalMaxPooling2DLayer', 'GlobalMaxPooling3DLayer'}
            y = global_pooling(arriving.in, @(x, axis) max(x, [], axis));
        case 'MaxUnpooling2DLayer'
            y = value_of(zeros(arriving.size), 'SSCB');
            y.data(arriving.indices) = arriving.in.data;
        case {'CrossChannelNormalizationLayer', 'BatchNormalizationLayer', 'GroupNormalizationLayer', ...
              'InstanceNormalizationLayer', 'LayerNormalizationLayer'}
            y = normalization(kind, p, arriving.in);
        case 'FullyConnectedLayer'
            y = fully_connected(p, arriving.in);
        case 'FlattenLayer'
            y = value_of(columns(arriving.in), 'CB');
        case {'LSTMLayer', 'BiLSTMLayer', 'GRULayer'}
            y = recurrent(kind, p, arriving.in);
        case {'AdditionLayer', 'MultiplicationLayer', 'DepthConcatenationLayer', 'ConcatenationLayer'}
            y = combination(kind, p, arriving);
        case 'Resize2DLayer'
            y = resized(p, arriving.in);
        case 'Crop2DLayer'
            y = cropped(p, arriving);
        otherwise
            y = activation(kind, p, arriving.in);
    end
    results = struct('out', y);
end
