use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[allow(non_snake_case)]
    #[record(seal)]
    eMail: String,
}

fn main() {}
