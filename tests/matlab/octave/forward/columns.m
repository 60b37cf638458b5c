function matrix = columns(x)
%COLUMNS  One column for each observation, the last axis; page flattenLayer.
    matrix = reshape(x.data, [], size(x.data, numel(x.format)));
end
