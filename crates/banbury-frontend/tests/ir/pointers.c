/* Places: `*`, `[]` of arrays and of pointers, members, function pointers. */
struct inner { int id; union { int a; char raw[4]; }; };
struct outer { struct inner list[3]; struct inner *next; int (*handler)(struct outer *, int); };
typedef int (*handler_t)(struct outer *, int);
static int handle(struct outer *o, int n) { return o->list[n].a; }
static const handler_t table[] = { handle, 0 };
static struct outer fixed = { .list = { [1] = { .id = 7, .a = 8 } }, .handler = handle };

int walk(struct outer *o, int i) {
    char *raw = o->next->raw;
    raw[i] = *(raw + 1);
    i[raw] = 2;
    o->handler = table[0];
    (*o->handler)(o, i);
    o->handler(&*o, i++);
    handle(&fixed, i);
    *raw++ = sizeof o->list / sizeof o->list[0];
    return &o->list[2] - o->list;
}
