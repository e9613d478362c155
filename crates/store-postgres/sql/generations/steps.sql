select name, output, cost_nanousd from steps where generation_id = $1 and workspace_id = $2 order by seq
