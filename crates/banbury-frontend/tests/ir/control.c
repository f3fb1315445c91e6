/* Short circuits, loops, switch with fallthrough and ranges, goto, noreturn. */
void exit(int status);
int next(void);

int loop(int *a, int n) {
    int sum = 0;
    for (int i = 0; i < n && a[i] != -1; i++) {
        if (a[i] == 0)
            continue;
        sum += a[i];
    }
    return sum;
}

int choose(int kind) {
    switch (kind) {
    case 1:
        next();
    case 2 ... 4:
        return 2;
    default:
        break;
    case 9:
        exit(1);
    }
    return !kind ? 1 : kind ?: 3;
}

void duff(char *to, char *from, int count) {
    int n = (count + 3) / 4;
    switch (count % 4) {
    case 0:
        do {
            *to++ = *from++;
    case 3:
            *to++ = *from++;
        } while (--n > 0);
    }
}

int jump(int x) {
    if (x < 0)
        goto fail;
    return x;
fail:
    return -1;
}
