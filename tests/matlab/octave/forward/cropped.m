function y = cropped(p, arriving)
%CROPPED  The first input in height and width of ref: its middle, or from Location [column row] on. Page crop2dLayer.
    x = arriving.in.data;
    wanted = [size(arriving.ref.data, 1), size(arriving.ref.data, 2)];
    if strcmp(p.Mode, 'custom')
        start = [p.Location(2), p.Location(1)];
    else
        start = floor(([size(x, 1), size(x, 2)] - wanted) / 2) + 1;
    end
    y = value_of(x(start(1) + (0:wanted(1)-1), start(2) + (0:wanted(2)-1), :, :), 'SSCB');
end
