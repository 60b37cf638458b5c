classdef CustomLayer
    properties
        Name = 'custom'
        Type = 'My own layer'
        Description = 'doubles what arrives'
        Network = containers.Map()   % an object inside a layer, as a nested network is
        Options = struct('Handle', @sin, 'Flags', {{true, 'text'}})
    end
    properties (Dependent)
        Unreadable
    end
    methods
        function value = get.Unreadable(layer)
            error('mock:unreadable', 'only after training');
        end
    end
end
