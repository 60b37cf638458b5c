function outputs = forward(network, inputs)
%FORWARD  What a network answers, worked out layer by layer as MathWorks' documentation describes them.
%
%   network is a layer table (specs/matlab.md). inputs and outputs are cell arrays of values, in the order of its input_names
%   and output_names. A value is a struct of an array and the letter of each of its axes, in MATLAB's order: data and format,
%   'SSCB' for images (height, width, channels, observations), 'CB' for vectors, 'CBT' for sequences.
%
%   This is a second opinion on what the layers mean: it shares no line with the Python that it checks.

    known = containers.Map();   % 'layer/port' -> value
    waiting = 1:numel(network.layers);
    while ~isempty(waiting)
        ready = [];
        for k = waiting
            layer = network.layers(k);
            [arriving, complete] = values_at(layer.Name, network.connections, known);
            if ~complete
                continue
            end
            place = find(strcmp(network.input_names, layer.Name));
            if ~isempty(place)
                arriving.in = inputs{place};
            end
            results = layer_output(strrep(layer.Class, 'nnet.cnn.layer.', ''), layer.Properties, arriving);
            ports = fieldnames(results);
            for j = 1:numel(ports)
                known([layer.Name '/' ports{j}]) = results.(ports{j});
            end
            ready(end+1) = k;
        end
        assert(~isempty(ready), 'the connections form a cycle');
        waiting = setdiff(waiting, ready);
    end
    outputs = cellfun(@(name) known(with_port(name, 'out')), network.output_names, 'UniformOutput', false);
end

function [arriving, complete] = values_at(name, connections, known)
% What arrives at each input port of a layer; not complete before every layer in front of it is done.
    arriving = struct();
    complete = true;
    for row = 1:size(connections, 1)
        destination = strsplit(with_port(connections{row, 2}, 'in'), '/');
        if strcmp(destination{1}, name)
            source = with_port(connections{row, 1}, 'out');
            if known.isKey(source)
                arriving.(destination{2}) = known(source);
            else
                complete = false;
            end
        end
    end
end

function text = with_port(text, port)
    if ~any(text == '/')
        text = [text '/' port];
    end
end
