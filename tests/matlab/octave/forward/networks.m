function networks(folder)
%NETWORKS  Writes small networks as layer tables, each with a probe: an input and the answer that forward gives.
%
%   Height, width, channels and observations differ everywhere, so that no axis can be taken for another.
    randn('twister', 7);
    images(folder);
    edges(folder);
    branches(folder);
    volumes(folder);
    labels_of_sequences(folder);
    sequences(folder);
    both_directions(folder);
end

function images(folder)
% Every option of padding, stride, dilation and groups; input as predict of a SeriesNetwork takes it, without formats.
    layers = [
        layer('image', 'ImageInputLayer', 'InputSize', [23 19 3], 'Normalization', 'zerocenter', 'Mean', random(23, 19, 3))
        conv2d('stretched', [3 2], [3 8], 'PaddingSize', [2 0 1 3], 'Stride', [2 1], 'DilationFactor', [1 2])
        layer('leaky', 'LeakyReLULayer', 'Scale', 0.1)
        layer('grouped', 'GroupedConvolution2DLayer', 'FilterSize', [3 3], 'NumChannelsPerGroup', 4, ...
              'NumFiltersPerGroup', 3, 'NumGroups', 2, 'Stride', [1 1], 'DilationFactor', [1 1], 'PaddingMode', 'manual', ...
              'PaddingSize', [0 1 2 1], 'PaddingValue', 0, 'Weights', random(3, 3, 4, 3, 2), 'Bias', random(1, 1, 3, 2))
        layer('odd_window', 'CrossChannelNormalizationLayer', 'WindowChannelSize', 5, 'Alpha', 0.8, 'Beta', 0.75, 'K', 1.5)
        layer('max', 'MaxPooling2DLayer', 'PoolSize', [3 2], 'Stride', [2 1], 'PaddingMode', 'manual', ...
              'PaddingSize', [2 1 0 1], 'HasUnpoolingOutputs', false)
        layer('batch', 'BatchNormalizationLayer', 'NumChannels', 6, 'Epsilon', 1e-3, 'Scale', random(1, 1, 6), ...
              'Offset', random(1, 1, 6), 'TrainedMean', random(1, 1, 6), 'TrainedVariance', 0.5 + abs(random(1, 1, 6)))
        layer('clipped', 'ClippedReLULayer', 'Ceiling', 1.5)
        conv2d('same_size', [4 3], [6 5], 'PaddingMode', 'same', 'Stride', [2 3])
        layer('even_window', 'CrossChannelNormalizationLayer', 'WindowChannelSize', 4, 'Alpha', 0.9, 'Beta', 0.6, 'K', 1)
        layer('up', 'TransposedConvolution2DLayer', 'FilterSize', [3 4], 'NumChannels', 5, 'NumFilters', 4, ...
              'Stride', [2 3], 'CroppingMode', 'manual', 'CroppingSize', [1 0 0 2], ...
              'Weights', random(3, 4, 4, 5), 'Bias', random(1, 1, 4))
        layer('with_zeros', 'AveragePooling2DLayer', 'PoolSize', [3 2], 'Stride', [1 2], 'PaddingMode', 'manual', ...
              'PaddingSize', [1 2 0 1], 'PaddingValue', 0)
        layer('elu', 'ELULayer', 'Alpha', 0.7)
        layer('without_zeros', 'AveragePooling2DLayer', 'PoolSize', [2 3], 'Stride', [1 2], 'PaddingMode', 'manual', ...
              'PaddingSize', [1 0 2 1], 'PaddingValue', 'mean')
        layer('apart', 'MaxPooling2DLayer', 'PoolSize', [1 2], 'Stride', [2 3], 'PaddingMode', 'manual', ...
              'PaddingSize', [0 0 1 1], 'HasUnpoolingOutputs', false)
        layer('drop', 'DropoutLayer', 'Probability', 0.5)
        dense('fc', [6 2 4], 7)
        layer('prob', 'SoftmaxLayer')];
    save_network(folder, 'images', layers, chain(layers), {value_of(random(23, 19, 3, 2), 'SSCB')}, {'prob'}, false);
end

function edges(folder)
% What lies beyond the edge, cropping 'same', and layers that act on elements and channels.
    layers = [
        layer('image', 'ImageInputLayer', 'InputSize', [9 7 2], 'Normalization', 'zerocenter', 'Mean', random(1, 1, 2))
        conv2d('constant', [2 3], [2 4], 'PaddingSize', [1 2 0 1], 'PaddingValue', 0.6)
        layer('gelu', 'GELULayer', 'Approximation', 'none')
        conv2d('replicated', [3 2], [4 4], 'PaddingSize', [2 1 1 3], 'PaddingValue', 'replicate')
        layer('prelu', 'PReLULayer', 'Alpha', random(1, 1, 4))
        conv2d('mirrored', [3 4], [4 6], 'PaddingSize', [1 2 3 0], 'PaddingValue', 'symmetric-exclude-edge', 'Stride', [2 1])
        layer('groups', 'GroupNormalizationLayer', 'NumGroups', 3, 'NumChannels', 6, 'Epsilon', 1e-3, ...
              'Scale', random(1, 1, 6), 'Offset', random(1, 1, 6))
        layer('swish', 'SwishLayer')
        layer('up', 'TransposedConvolution2DLayer', 'FilterSize', [4 3], 'NumChannels', 6, 'NumFilters', 3, 'Stride', [3 2], ...
              'CroppingMode', 'same', 'CroppingSize', [0 1 0 1], 'Weights', random(4, 3, 3, 6), 'Bias', random(1, 1, 3))
        layer('each', 'InstanceNormalizationLayer', 'NumChannels', 3, 'Epsilon', 1e-2, ...
              'Scale', random(1, 1, 3), 'Offset', random(1, 1, 3))
        layer('mean_same', 'AveragePooling2DLayer', 'PoolSize', [3 2], 'Stride', [2 1], 'PaddingMode', 'same', ...
              'PaddingSize', [0 1 0 1], 'PaddingValue', 'mean')
        layer('bilinear', 'Resize2DLayer', 'OutputSize', [5 29], 'Scale', [], 'Method', 'bilinear', ...
              'GeometricTransformMode', 'half-pixel', 'NearestRoundingMode', 'round', 'EnableReferenceInput', false)
        layer('tanh', 'TanhLayer')
        layer('nearest', 'Resize2DLayer', 'OutputSize', [8 13], 'Scale', [], 'Method', 'nearest', ...
              'GeometricTransformMode', 'half-pixel', 'NearestRoundingMode', 'round', 'EnableReferenceInput', false)
        layer('max_same', 'MaxPooling2DLayer', 'PoolSize', [2 3], 'Stride', [1 2], 'PaddingMode', 'same', ...
              'PaddingSize', [0 1 1 1], 'HasUnpoolingOutputs', false)
        layer('whole', 'LayerNormalizationLayer', 'NumChannels', 3, 'Epsilon', 1e-3, ...
              'OperationDimension', 'spatial-channel', 'Scale', random(1, 1, 3), 'Offset', random(1, 1, 3))
        layer('asymmetric', 'Resize2DLayer', 'OutputSize', [11 5], 'Scale', [], 'Method', 'nearest', ...
              'GeometricTransformMode', 'asymmetric', 'NearestRoundingMode', 'floor', 'EnableReferenceInput', false)
        layer('softplus', 'SoftplusLayer')
        layer('channels', 'LayerNormalizationLayer', 'NumChannels', 3, 'Epsilon', 1e-3, ...
              'OperationDimension', 'channel-only', 'Scale', random(1, 1, 3), 'Offset', random(1, 1, 3))
        layer('gelu_tanh', 'GELULayer', 'Approximation', 'tanh')
        layer('sigmoid', 'SigmoidLayer')];
    save_network(folder, 'edges', layers, chain(layers), {value_of(random(9, 7, 2, 3), 'SSCB')}, {'sigmoid'}, true);
end

function branches(folder)
% Two inputs, three outputs; connections and ports out of order, and layers that stand after those that they feed.
    low = random(6, 8, 3) - 4;
    layers = [
        layer('right', 'ImageInputLayer', 'InputSize', [6 8 3], 'Normalization', 'rescale-symmetric', ...
              'Min', low, 'Max', low + 5 + abs(random(6, 8, 3)))
        layer('times', 'MultiplicationLayer', 'NumInputs', 3)
        layer('left', 'ImageInputLayer', 'InputSize', [6 8 2], 'Normalization', 'zscore', 'Mean', random(1, 1, 2), ...
              'StandardDeviation', 0.5 + abs(random(1, 1, 2)))
        conv2d('a', [3 3], [2 4], 'PaddingMode', 'same')
        conv2d('b', [1 3], [3 4], 'PaddingSize', [0 0 1 1])
        layer('plus', 'AdditionLayer', 'NumInputs', 2)
        layer('pool', 'MaxPooling2DLayer', 'PoolSize', [2 2], 'Stride', [2 2], 'PaddingMode', 'manual', ...
              'PaddingSize', [0 0 0 0], 'HasUnpoolingOutputs', true)
        conv2d('between', [1 1], [4 4])
        layer('unpool', 'MaxUnpooling2DLayer')
        layer('deep', 'DepthConcatenationLayer', 'NumInputs', 3)
        conv2d('small', [3 5], [9 2])
        layer('middle', 'Crop2DLayer', 'Mode', 'centercrop', 'Location', [])
        layer('corner', 'Crop2DLayer', 'Mode', 'custom', 'Location', [3 2])
        layer('joined', 'ConcatenationLayer', 'Dim', 3, 'NumInputs', 3)
        layer('flat', 'FlattenLayer')
        dense('fc', 16 * 15, 5)
        layer('average', 'GlobalAveragePooling2DLayer')
        layer('largest', 'GlobalMaxPooling2DLayer')];
    connections = {
        'joined', 'flat'
        'deep', 'corner/in'
        'small', 'joined/in3'
        'small', 'corner/ref'
        'plus', 'deep/in3'
        'left', 'deep/in1'
        'right', 'deep/in2'
        'deep', 'small'
        'between', 'unpool/in'
        'pool/size', 'unpool/size'
        'pool/indices', 'unpool/indices'
        'pool/out', 'between'
        'plus', 'pool'
        'b', 'plus/in2'
        'a', 'plus/in1'
        'right', 'b'
        'left', 'a'
        'plus', 'times/in3'
        'unpool', 'times/in1'
        'b', 'times/in2'
        'times', 'middle/in'
        'small', 'middle/ref'
        'middle', 'joined/in2'
        'corner', 'joined/in1'
        'flat', 'fc'
        'times', 'average'
        'unpool', 'largest'};
    inputs = {value_of(random(6, 8, 2, 5), 'SSCB'), value_of(random(6, 8, 3, 5), 'SSCB')};
    save_network(folder, 'branches', layers, connections, inputs, {'largest', 'fc', 'average'}, true, {'left', 'right'});
end

function volumes(folder)
    layers = [
        layer('volume', 'Image3DInputLayer', 'InputSize', [7 6 5 2], 'Normalization', 'rescale-zero-one', 'Min', -3.5, 'Max', 4)
        layer('conv', 'Convolution3DLayer', 'FilterSize', [3 2 2], 'NumChannels', 2, 'NumFilters', 3, 'Stride', [2 1 1], ...
              'DilationFactor', [1 2 1], 'PaddingMode', 'manual', 'PaddingSize', [1 0 2; 2 1 0], 'PaddingValue', 0, ...
              'Weights', random(3, 2, 2, 2, 3), 'Bias', random(1, 1, 1, 3))
        layer('max', 'MaxPooling3DLayer', 'PoolSize', [2 3 2], 'Stride', [1 2 1], 'PaddingMode', 'manual', ...
              'PaddingSize', [1 0 0; 0 2 1])
        layer('average', 'AveragePooling3DLayer', 'PoolSize', [2 2 3], 'Stride', [1 1 2], 'PaddingMode', 'manual', ...
              'PaddingSize', [0 1 1; 1 0 2], 'PaddingValue', 0)
        layer('up', 'TransposedConvolution3DLayer', 'FilterSize', [2 3 1], 'NumChannels', 3, 'NumFilters', 4, ...
              'Stride', [2 2 2], 'CroppingMode', 'manual', 'CroppingSize', [1 0 0; 0 2 1], ...
              'Weights', random(2, 3, 1, 4, 3), 'Bias', random(1, 1, 1, 4))
        layer('whole', 'GlobalAveragePooling3DLayer')];
    outputs = {'up', 'whole'};
    save_network(folder, 'volumes', layers, chain(layers), {value_of(random(7, 6, 5, 2, 3), 'SSSCB')}, outputs, true);
end

function labels_of_sequences(folder)
    layers = [
        layer('sequence', 'SequenceInputLayer', 'InputSize', 3, 'Normalization', 'zscore', 'Mean', random(3, 1), ...
              'StandardDeviation', 0.5 + abs(random(3, 1)), 'MinLength', 1)
        conv1d('causal', 3, [3 4], 'PaddingMode', 'causal', 'PaddingSize', [4 0], 'DilationFactor', 2)
        layer('leaky', 'LeakyReLULayer', 'Scale', 0.2)
        recurrent_layer('first', 'LSTMLayer', 4, 5, 1, 'sequence', 'StateActivationFunction', 'softsign', ...
                        'GateActivationFunction', 'hard-sigmoid')
        recurrent_layer('last', 'LSTMLayer', 5, 4, 1, 'last')
        dense('fc', 4, 6)
        layer('prob', 'SoftmaxLayer')];
    save_network(folder, 'labels', layers, chain(layers), {value_of(random(3, 2, 9), 'CBT')}, {'prob'}, true);
end

function sequences(folder)
% One sequence as predict of a SeriesNetwork takes it: a matrix of channels and steps.
    modes = {'after-multiplication', 'before-multiplication', 'recurrent-bias-after-multiplication'};
    layers = [
        layer('sequence', 'SequenceInputLayer', 'InputSize', 3, 'Normalization', 'rescale-symmetric', 'Min', -3, 'Max', 2, ...
              'MinLength', 1)
        recurrent_layer('first', 'GRULayer', 3, 5, 1, 'sequence', 'ResetGateMode', modes{1})
        recurrent_layer('second', 'GRULayer', 5, 4, 1, 'sequence', 'ResetGateMode', modes{2})
        recurrent_layer('third', 'GRULayer', 4, 6, 2, 'sequence', 'ResetGateMode', modes{3})
        dense('fc', 6, 2)];
    save_network(folder, 'sequences', layers, chain(layers), {value_of(random(3, 1, 7), 'CBT')}, {'fc'}, false);
end

function both_directions(folder)
    layers = [
        layer('sequence', 'SequenceInputLayer', 'InputSize', 2, 'Normalization', 'none', 'MinLength', 1)
        conv1d('conv', 4, [2 3], 'PaddingMode', 'same', 'PaddingSize', [1 2])
        layer('norm', 'LayerNormalizationLayer', 'NumChannels', 3, 'Epsilon', 1e-3, 'OperationDimension', 'channel-only', ...
              'Scale', random(3, 1), 'Offset', random(3, 1))
        layer('norm_with_time', 'LayerNormalizationLayer', 'NumChannels', 3, 'Epsilon', 1e-2, ...
              'OperationDimension', 'batch-excluded', 'Scale', random(3, 1), 'Offset', random(3, 1))
        recurrent_layer('both', 'BiLSTMLayer', 3, 4, 1, 'sequence')
        layer('max', 'MaxPooling1DLayer', 'PoolSize', 3, 'Stride', 1, 'PaddingMode', 'manual', 'PaddingSize', [2 0])
        layer('mean', 'AveragePooling1DLayer', 'PoolSize', 2, 'Stride', 1, 'PaddingMode', 'manual', 'PaddingSize', [0 1], ...
              'PaddingValue', 0)
        layer('pooled', 'GlobalAveragePooling1DLayer')
        dense('fc', 8, 3)];
    save_network(folder, 'directions', layers, chain(layers), {value_of(random(2, 3, 8), 'CBT')}, {'mean', 'fc'}, true);
end

% Layers ----------------------------------------------------------------------------------------------------------------------

function item = layer(name, kind, varargin)
    item = struct('Name', name, 'Class', ['nnet.cnn.layer.' kind], 'Properties', struct(varargin{:}));
end

function item = conv2d(name, window, sizes, varargin)
% sizes: channels and filters.
    item = changed(layer(name, 'Convolution2DLayer', 'FilterSize', window, 'NumChannels', sizes(1), 'NumFilters', sizes(2), ...
                         'Stride', [1 1], 'DilationFactor', [1 1], 'PaddingMode', 'manual', 'PaddingSize', [0 0 0 0], ...
                         'PaddingValue', 0, 'Weights', random(window(1), window(2), sizes(1), sizes(2)), ...
                         'Bias', random(1, 1, sizes(2))), varargin);
end

function item = conv1d(name, window, sizes, varargin)
    item = changed(layer(name, 'Convolution1DLayer', 'FilterSize', window, 'NumChannels', sizes(1), 'NumFilters', sizes(2), ...
                         'Stride', 1, 'DilationFactor', 1, 'PaddingValue', 0, 'Weights', random(window, sizes(1), sizes(2)), ...
                         'Bias', random(1, sizes(2))), varargin);
end

function item = dense(name, sizes, count)
    item = layer(name, 'FullyConnectedLayer', 'InputSize', prod(sizes), 'OutputSize', count, ...
                 'Weights', random(count, prod(sizes)) / single(sqrt(prod(sizes))), 'Bias', random(count, 1));
end

function item = recurrent_layer(name, kind, channels, units, parts, mode, varargin)
% parts: 2 where the recurrence has a bias of its own.
    gates = 4 - strcmp(kind, 'GRULayer');
    rows = gates * units * (1 + strcmp(kind, 'BiLSTMLayer'));
    item = changed(layer(name, kind, 'InputSize', channels, 'NumHiddenUnits', units, 'OutputMode', mode, ...
                         'StateActivationFunction', 'tanh', 'GateActivationFunction', 'sigmoid', ...
                         'InputWeights', random(rows, channels), 'RecurrentWeights', random(rows, units), ...
                         'Bias', random(rows * parts, 1), 'HiddenState', zeros(units, 1)), varargin);
end

function item = changed(item, pairs)
    for k = 1:2:numel(pairs)
        item.Properties.(pairs{k}) = pairs{k + 1};
    end
end

function array = random(varargin)
    array = single(randn(varargin{:}));
end

function rows = chain(layers)
    names = {layers.Name}';
    rows = [names(1:end-1), names(2:end)];
end

% The file --------------------------------------------------------------------------------------------------------------------

function save_network(folder, name, layers, connections, inputs, output_names, with_formats, input_names)
    if nargin < 8
        input_names = {layers(1).Name};
    end
    network = struct('layer_table_version', 1, 'name', name, 'release', ['Octave ' version()], 'layers', layers);
    network.connections = connections;
    network.input_names = input_names;
    network.output_names = output_names;
    outputs = forward(network, inputs);
    network.probe = struct('inputs', {arrays(inputs, with_formats)}, 'outputs', {arrays(outputs, with_formats)});
    if with_formats
        network.probe.input_formats = cellfun(@(value) value.format, inputs, 'UniformOutput', false);
        network.probe.output_formats = cellfun(@(value) value.format, outputs, 'UniformOutput', false);
        save(fullfile(folder, [name '.mat']), 'network', '-v7');
    else
        save(fullfile(folder, [name '.mat']), 'network', '-v6');
    end
end

function list = arrays(values, with_formats)
    list = cell(numel(values), 1);
    for k = 1:numel(values)
        list{k} = single(values{k}.data);
        if ~with_formats && strcmp(values{k}.format, 'CB')    % predict of a SeriesNetwork gives observations x classes
            list{k} = list{k}';
        elseif ~with_formats && strcmp(values{k}.format, 'CBT')    % and takes and gives channels x steps
            list{k} = permute(list{k}, [1 3 2]);
        end
    end
end
