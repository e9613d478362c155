SELECT virtual_time FROM clock WHERE id = 1
