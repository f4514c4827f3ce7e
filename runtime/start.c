typedef int start_c_is_not_empty;
