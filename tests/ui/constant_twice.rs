use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    e_mail: String,
    #[allow(non_snake_case)]
    #[record(seal(id = "other"))]
    eMail: String,
}

fn main() {}
