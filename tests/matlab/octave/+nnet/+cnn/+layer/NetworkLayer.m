classdef NetworkLayer
    properties
        Name = 'block'
        Network
        NumInputs = 1
        InputNames = {'in'}
        NumOutputs = 1
        OutputNames = {'out'}
    end
end
