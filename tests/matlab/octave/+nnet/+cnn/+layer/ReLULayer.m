classdef ReLULayer
    properties
        Name = ''
        NumInputs = 1
        InputNames = {'in'}
        NumOutputs = 1
        OutputNames = {'out'}
    end
end
