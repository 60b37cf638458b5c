classdef DAGNetwork
    properties
        Layers
        Connections
        InputNames = {'image'}
        OutputNames = {'fc'}
    end
end
