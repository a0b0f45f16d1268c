# region: new
fphost plugin new Shelf --language c
cd Shelf
make
# endregion
# region: look
fphost plugin probe ./libShelf.so -o location=./files
# endregion
# region: validate
fphost plugin validate ./libShelf.so -o location=./files
# endregion
# region: install
make install
fphost plugin list
# endregion
