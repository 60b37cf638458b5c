classdef dlnetwork
    properties
        Layers
        Connections = struct('Source', {{}}, 'Destination', {{}})
        InputNames = {}
        OutputNames = {}
        Initialized = true
        Learnables = []
        State = []
    end
    methods
        function varargout = predict(network, varargin)
            % One answer for each output: what arrives at the input of the same place, which must be formatted.
            for k = 1:nargout
                varargout{k} = dlarray(-extractdata(varargin{k}), dims(varargin{k}));
            end
        end
    end
end
