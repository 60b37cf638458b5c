classdef dlarray
    properties
        Data
        Letters = ''
    end
    methods
        function array = dlarray(data, letters)
            array.Data = data;
            if nargin > 1
                array.Letters = letters;
            end
        end
        function letters = dims(array)
            letters = array.Letters;
        end
        function data = extractdata(array)
            data = array.Data;
        end
    end
end
