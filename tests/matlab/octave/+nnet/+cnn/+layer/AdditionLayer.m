classdef AdditionLayer
    properties
        Name = 'add'
        NumInputs = 2
        InputNames = {'in1', 'in2'}
    end
end
