#include <stdio.h>
#include <string.h>

static int length_of(const unsigned char *packet)
{
    return packet[0];
}

int read_name(const unsigned char *packet)
{
    char name[16];
    gets(name);
    return length_of(packet) + name[0];
}
