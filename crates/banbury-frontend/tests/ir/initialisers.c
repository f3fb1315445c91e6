/* Aggregates are zeroed before their members; static locals are globals. */
struct point { int x, y; };
struct shape { struct point corners[2]; const char *name; unsigned char flags; };

int aggregates(int n) {
    static int calls = 3;
    char text[8] = "hi";
    char full[] = { 'a', 'b' };
    struct shape s = { { { 1, n }, { 3 } }, "box", .flags = 0x1ff };
    struct point flat[2] = { 1, 2, n, 4 };
    struct point *p = &(struct point){ .y = n };
    char buffer[n];
    calls++;
    s.corners[1] = flat[0];
    buffer[0] = text[0] + full[1];
    return sizeof(full) + p->y + buffer[0];
}

int value(int x) { return ({ int y = x * 2; y + 1; }); }
