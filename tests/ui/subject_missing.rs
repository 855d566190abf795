use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
