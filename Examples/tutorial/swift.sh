# region: new
fphost plugin new Pocket --language swift
cd Pocket
make
# endregion
# region: validate
fphost plugin validate .build/release/libPocket.so -o location=./files
# endregion
# region: install
make install
fphost plugin list
# endregion
