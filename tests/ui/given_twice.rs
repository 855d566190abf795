use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, name = "client")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(id = "email", id = "mail"))]
    email: String,
    #[record(seal)]
    #[record(seal)]
    phone: String,
}

fn main() {}
