"""A job for studies of training methods: graded arithmetic word problems. It is not served."""
