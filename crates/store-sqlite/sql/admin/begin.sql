-- Only here: the one writer takes the write lock at once.
BEGIN IMMEDIATE
