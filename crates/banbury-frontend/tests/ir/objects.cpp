// Methods, references, construction, virtual calls, exceptions.
class Shape {
public:
    Shape(int size) : size_(size) {}
    virtual ~Shape() {}
    virtual int area();
    int size() { return size_; }
    static int count;
protected:
    int size_;
};

class Square : public Shape {
public:
    Square(int size) : Shape(size) {}
    int area() { return size_ * size(); }
};

void swap(int &a, int &b) { int t = a; a = b; b = t; }

int use(Shape *shape, int n) {
    int m = 3;
    int &alias = m;
    alias = n;
    swap(alias, n);
    Square local(2);
    Shape *other = new Square(n);
    try {
        n = shape->area() + local.size();
        if (n < 0) throw n;
    } catch (int e) {
        return e;
    }
    delete other;
    int *list = new int[n];
    list[0] = 1;
    delete[] list;
    return m;
}
