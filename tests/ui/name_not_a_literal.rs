use fieldseal::Record;

#[derive(Record)]
#[record(name = CUSTOMER, single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
