use fieldseal::Record;

struct Date;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    born: Date,
}

fn main() {}
