use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
#[allow(non_camel_case_types)]
struct Super {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
