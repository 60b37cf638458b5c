function value = value_of(data, format)
%VALUE_OF  An array with the letter of each of its axes.
    value = struct('data', double(data), 'format', format);
end
