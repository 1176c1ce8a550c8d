/* Products of reflections, some columns at a time: no column needs another one, so that vectors of any width add in the
 * same order. docs/stream.md defines it.
 */

enum { TILE_COLUMNS = W < 4 ? 8 : 16, ACROSS = TILE_COLUMNS / W }; /* up to four vectors, which registers hold */

INLINE F64 loadf64(const double *from) { return as_float64(load64(from)); }

/* Multiply a tile from the left by reflections, the last of them first. The sums for one are made while the one before
 * is applied, in one pass over the rows. */
TARGET void NAMED(reflect, KERNEL)(double *tile, size_t rows, const reflections *r, size_t count)
{
    F64 factor[ACROSS], sum[ACROSS];
    const double *before = r->vectors;
    UNROLL(4)
    for (int j = 0; j < ACROSS; j++)
        factor[j] = setf64(0.0); /* there is none before the first one */
    for (size_t k = count; k-- > 0;) {
        const double *vector = r->vectors + k * r->apart;
        double *row = tile + k * TILE_COLUMNS;
        UNROLL(4)
        for (int j = 0; j < ACROSS; j++)
            sum[j] = mulf64(setf64(vector[k]), loadf64(row + W * j));
        for (size_t i = k + 1; i < rows; i++) {
            const F64 applied = setf64(before[i]), element = setf64(vector[i]);
            row += TILE_COLUMNS;
            UNROLL(4)
            for (int j = 0; j < ACROSS; j++) {
                const F64 value = subf64(loadf64(row + W * j), mulf64(applied, factor[j]));
                storef64(row + W * j, value);
                sum[j] = addf64(sum[j], mulf64(element, value));
            }
        }
        UNROLL(4)
        for (int j = 0; j < ACROSS; j++)
            factor[j] = mulf64(sum[j], setf64(r->factors[k]));
        before = vector;
    }
    for (size_t i = 0; i < rows; i++, tile += TILE_COLUMNS)
        for (int j = 0; j < ACROSS; j++)
            storef64(tile + W * j, subf64(loadf64(tile + W * j), mulf64(setf64(before[i]), factor[j])));
}
