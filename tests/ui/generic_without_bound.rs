use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer<T> {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    value: T,
}

fn main() {}
