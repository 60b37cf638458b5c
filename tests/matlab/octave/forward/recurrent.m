function y = recurrent(kind, p, x)
%RECURRENT  Pages lstmLayer, bilstmLayer and gruLayer (section Algorithms), one step after the other.
%
%   Rows of the gates: LSTM input, forget, cell candidate, output; GRU reset, update, candidate. The backward direction of a
%   bidirectional layer has its rows below the forward one, its channels after those of the forward one.
    weights = double(p.InputWeights);
    again = double(p.RecurrentWeights);
    bias = double(p.Bias(:));
    switch kind
        case 'LSTMLayer'
            steps = lstm_steps(p, x.data, weights, again, bias);
        case 'GRULayer'
            steps = gru_steps(p, x.data, weights, again, bias);
        case 'BiLSTMLayer'
            rows = 4 * p.NumHiddenUnits;
            there = lstm_steps(p, x.data, weights(1:rows, :), again(1:rows, :), bias(1:rows));
            back = lstm_steps(p, flip(x.data, 3), weights(rows+1:end, :), again(rows+1:end, :), bias(rows+1:end));
            steps = cat(1, there, flip(back, 3));
    end
    if strcmp(p.OutputMode, 'last')
        y = value_of(steps(:, :, end), 'CB');
    else
        y = value_of(steps, 'CBT');
    end
end

function steps = lstm_steps(p, x, weights, again, bias)
    units = p.NumHiddenUnits;
    [gate, state] = activations(p);
    hidden = zeros(units, size(x, 2));
    cells = hidden;
    steps = zeros(units, size(x, 2), size(x, 3));
    for t = 1:size(x, 3)
        z = weights * x(:, :, t) + again * hidden + bias;
        part = @(k) z((k - 1) * units + (1:units), :);
        cells = gate(part(2)) .* cells + gate(part(1)) .* state(part(3));
        hidden = gate(part(4)) .* state(cells);
        steps(:, :, t) = hidden;
    end
end

function steps = gru_steps(p, x, weights, again, bias)
    units = p.NumHiddenUnits;
    [gate, state] = activations(p);
    rows = @(k) (k - 1) * units + (1:units);
    if numel(bias) == 6 * units   % of the input, then of the recurrence
        recurrent_bias = bias(3 * units + 1:end);
        bias = bias(1:3 * units);
    else
        recurrent_bias = zeros(3 * units, 1);
    end
    hidden = zeros(units, size(x, 2));
    steps = zeros(units, size(x, 2), size(x, 3));
    for t = 1:size(x, 3)
        z = weights * x(:, :, t) + bias;
        from_state = @(k, h) again(rows(k), :) * h + recurrent_bias(rows(k));
        reset = gate(z(rows(1), :) + from_state(1, hidden));
        update = gate(z(rows(2), :) + from_state(2, hidden));
        switch p.ResetGateMode
            case {'after-multiplication', 'recurrent-bias-after-multiplication'}
                candidate = state(z(rows(3), :) + reset .* from_state(3, hidden));
            case 'before-multiplication'
                candidate = state(z(rows(3), :) + from_state(3, reset .* hidden));
        end
        hidden = (1 - update) .* candidate + update .* hidden;
        steps(:, :, t) = hidden;
    end
end

function [gate, state] = activations(p)
    switch p.GateActivationFunction
        case 'sigmoid'
            gate = @(v) 1 ./ (1 + exp(-v));
        case 'hard-sigmoid'
            gate = @(v) min(max(0.2 * v + 0.5, 0), 1);
    end
    switch p.StateActivationFunction
        case 'tanh'
            state = @tanh;
        case 'softsign'
            state = @(v) v ./ (1 + abs(v));
    end
end
