use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, index(compound(email, phone), id = "both", measured))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    #[record(seal(hide_null, pad = 32))]
    phone: Option<String>,
}

fn main() {}
