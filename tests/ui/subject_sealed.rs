use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject, seal)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
