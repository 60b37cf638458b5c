classdef dlnetwork
    properties
        Layers
        Connections = struct('Source', {{}}, 'Destination', {{}})
        InputNames = {}
        OutputNames = {}
    end
end
