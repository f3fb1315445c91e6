/* Every implicit integer conversion is an instruction. */
typedef unsigned char u8;
unsigned long length(const u8 *p);
void take(unsigned short n, long m);

unsigned short narrow(unsigned int x) { return x; }

int mixed(u8 a, short b, unsigned int c, long d) {
    u8 sum = a + b;
    if (b < c)
        return d;
    take(d, a);
    a += 200;
    b <<= 2;
    return sizeof(long) * a > d;
}

struct bits {
    unsigned low : 4;
    unsigned high : 4;
    int wide;
};

int field(struct bits *b) {
    b->low = b->wide;
    return b->low - b->high;
}
