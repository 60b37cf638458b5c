function export_network(net, file, probe_input)
%EXPORT_NETWORK  Write a MATLAB network as a layer table that converter reads.
%
%   export_network(net, 'table.mat') writes the layers of net with all their public properties (weights among them) and the
%   connections between them. net is a SeriesNetwork, a DAGNetwork, a dlnetwork, a layerGraph or an array of layers. A network
%   inside a layer becomes a table inside the table.
%
%   export_network(net, 'table.mat', x) also writes the answer of predict(net, x), so that the converted network can be
%   compared with this one. x is one input, or a cell array with one for each input of the network: images as
%   height x width x channels x observations, features as observations x features, one sequence as channels x steps. A
%   dlnetwork takes sequences as a formatted dlarray alone, such as dlarray(x, 'CBT').
%
%   The format is defined in specs/matlab.md. The script runs in MATLAB R2016a or later, and in Octave 7 or later.
%
%   Before you rely on the file:
%   * Is every layer complete? A property that could not be read is left out with a warning, which names it.
%   * Is net trained? A layerGraph and an array of layers may hold no weights; a dlnetwork that is not initialised is told.
%   * Did you give x? Without it the converted network is compared with onnxruntime alone, not with MATLAB.
%   * Does x look like your data? Use a real input: zeros, or numbers far from the training data, prove little.
%   * Layers of your own become their class name: the converter then says that it does not know them.

    if nargin < 2
        error('export_network:arguments', 'Usage: export_network(net, ''table.mat'') or export_network(net, ''table.mat'', x)');
    end
    network = network_table(net);
    if nargin > 2
        network.probe = probe_of(net, probe_input, numel(network.output_names));
    end
    variable = whos('network');
    if variable.bytes < 2^31
        save(file, 'network', '-v7');
    else
        save(file, 'network', '-v7.3');   % version 7 leaves out a variable this large, with no more than a warning
    end
end

function network = network_table(net)
% The table of one network, and of those inside its layers.
    layers = property_of(net, 'Layers', []);
    is_network = ~isempty(layers);
    if ~is_network
        layers = net;   % an array of layers
        if ~iscell(layers) && ~isa(layers, 'nnet.cnn.layer.Layer')
            error('export_network:network', ['net is a %s, which holds no layers. Give a SeriesNetwork, DAGNetwork, ' ...
                  'dlnetwork, layerGraph or an array of layers; of a detector its property Network.'], class(net));
        end
    end
    if ~property_of(net, 'Initialized', true)
        warning('export_network:initialized', 'The network is not initialised: its layers have no weights yet.');
    end
    names = layer_names(layers);

    network = struct();
    network.layer_table_version = 1;
    network.name = '';
    network.class = class(net);
    network.release = release_name();
    network.layers = layer_records(layers, names);
    network.layers = with_values(network.layers, property_of(net, 'Learnables', []));
    network.layers = with_values(network.layers, property_of(net, 'State', []));
    network.connections = [names(1:end-1), names(2:end)];   % one after the other, unless the network says otherwise
    network.input_names = {};
    network.output_names = {};
    if is_network   % the layers of an array have properties of these names too, which mean their own ports
        network.connections = connection_list(property_of(net, 'Connections', []), network.connections);
        network.input_names = text_column(property_of(net, 'InputNames', {}));
        network.output_names = text_column(property_of(net, 'OutputNames', {}));
    end
end

function layer = layer_at(layers, k)
    if iscell(layers)
        layer = layers{k};
    else
        layer = layers(k);
    end
end

function names = layer_names(layers)
% The name of each layer; a layer without one gets a name from its place, as the reader of the table gives it.
    names = cell(numel(layers), 1);
    for k = 1:numel(layers)
        names{k} = char(property_of(layer_at(layers, k), 'Name', ''));
        if isempty(names{k})
            names{k} = sprintf('layer_%d', k);
        end
    end
end

function records = layer_records(layers, names)
    records = struct('Name', names, 'Class', '', 'Properties', []);
    for k = 1:numel(layers)
        layer = layer_at(layers, k);
        values = struct();
        keys = properties(layer);
        for j = 1:numel(keys)
            try
                values.(keys{j}) = plain_value(layer.(keys{j}));
            catch problem
                % A property may refuse to be read, such as one that depends on training.
                warning('export_network:property', 'Layer %s: property %s is left out: %s', names{k}, keys{j}, problem.message);
            end
        end
        records(k).Class = class(layer);
        records(k).Properties = values;
    end
end

function records = with_values(records, values)
% What a layer of a dlnetwork does not show itself, from the network's table of Learnables or State.
    if isempty(values)
        return
    end
    for row = 1:numel(values.Value)
        k = find(strcmp({records.Name}, char(values.Layer(row))));
        key = char(values.Parameter(row));
        if numel(k) == 1 && isempty(property_of(records(k).Properties, key, []))
            records(k).Properties.(key) = plain_value(values.Value{row});
        end
    end
end

function list = connection_list(connections, default)
% Two columns, source and destination.
    list = default;
    if ~isempty(connections)
        list = [text_column(connections.Source), text_column(connections.Destination)];
    end
end

function probe = probe_of(net, inputs, count)
    if ~iscell(inputs)
        inputs = {inputs};
    end
    if isa(net, 'dlnetwork')
        inputs = formatted(net, inputs);
    end
    outputs = cell(1, max(count, 1));
    try
        [outputs{:}] = predict(net, inputs{:});
    catch problem
        error('export_network:probe', 'predict(net, x) failed, so no probe can be written: %s', problem.message);
    end
    probe = struct();
    [probe.inputs, probe.input_formats] = stored(inputs);
    [probe.outputs, probe.output_formats] = stored(outputs);
end

function inputs = formatted(net, inputs)
% A dlnetwork takes formatted arrays, in the order of its InputNames: S spatial, C channel, B batch.
    names = layer_names(net.Layers);
    for k = 1:numel(inputs)
        if isa(inputs{k}, 'dlarray') && ~isempty(dims(inputs{k}))
            continue
        end
        kind = '';
        if k <= numel(net.InputNames)
            place = find(strcmp(names, char(net.InputNames(k))));
            if numel(place) == 1
                kind = class(layer_at(net.Layers, place));
            end
        end
        switch kind
            case 'nnet.cnn.layer.ImageInputLayer'
                letters = 'SSCB';
            case 'nnet.cnn.layer.Image3DInputLayer'
                letters = 'SSSCB';
            case 'nnet.cnn.layer.FeatureInputLayer'
                letters = 'BC';
            otherwise
                error('export_network:probe', ['What the axes of input %d mean is not certain. Give it as a formatted ' ...
                      'dlarray, such as dlarray(x, ''CBT'') of a sequence: channels, observations, steps.'], k);
        end
        inputs{k} = dlarray(single(plain_value(inputs{k})), letters);
    end
end

function [arrays, formats] = stored(values)
    arrays = cell(numel(values), 1);
    formats = cell(numel(values), 1);
    for k = 1:numel(values)
        formats{k} = '';
        if isa(values{k}, 'dlarray')
            formats{k} = dims(values{k});
        end
        arrays{k} = plain_value(values{k});
        if ~isnumeric(arrays{k})
            error('export_network:probe', 'A probe holds numbers, but one of its arrays is of class %s.', class(values{k}));
        end
    end
end

function value = plain_value(value)
% The value as text, numbers, logicals, cells and structs, which every reader of MAT-files understands.
    if isa(value, 'dlarray')
        value = extractdata(value);
    end
    if isa(value, 'gpuArray')
        value = gather(value);
    end
    if isa(value, 'function_handle')
        value = func2str(value);
    elseif isa(value, 'string') || isa(value, 'categorical')
        value = cellstr(value);
        if numel(value) == 1
            value = value{1};
        end
    elseif isnumeric(value) || islogical(value)
        value = full(value);
    elseif iscell(value)
        for k = 1:numel(value)
            value{k} = plain_value(value{k});
        end
    elseif isstruct(value)
        keys = fieldnames(value);
        for k = 1:numel(value)
            for j = 1:numel(keys)
                value(k).(keys{j}) = plain_value(value(k).(keys{j}));
            end
        end
    elseif ~ischar(value) && ~isempty(property_of(value, 'Layers', []))
        value = network_table(value);   % the network inside a network layer
    elseif ~ischar(value)
        value = ['object of class ' class(value)];   % its class tells the reader what was here
    end
end

function column = text_column(texts)
    column = reshape(cellstr(texts), [], 1);
end

function value = property_of(object, name, default)
    value = default;
    try
        value = object.(name);
    catch
        % Which properties a network has depends on its class and on the release.
    end
end

function name = release_name()
    if exist('OCTAVE_VERSION', 'builtin')
        name = ['Octave ' version()];
    else
        name = ['R' version('-release')];
    end
end
