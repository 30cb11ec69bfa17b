# One-factor solutions by R's factanal on two data sets of R, to tests/reference/factor.json.
# Run from the project's root: Rscript tests/reference/factor.R
library(jsonlite)
solve_one <- function(correlation) {
  fit <- factanal(covmat = correlation, factors = 1,
                  control = list(nstart = 1, opt = list(factr = 1, pgtol = 0, maxit = 10000)))
  list(correlation = correlation, loadings = unname(fit$loadings[, 1]), unique = unname(fit$uniquenesses),
       discrepancy = unname(fit$criteria["objective"]), df = fit$dof)
}
ability <- unname(cov2cor(ability.cov$cov))
harman <- unname(Harman74.cor$cov[1:9, 1:9])
out <- list(ability = solve_one(ability), harman = solve_one(harman), r = R.version.string)
write(toJSON(out, digits = 14, auto_unbox = TRUE, pretty = TRUE), "tests/reference/factor.json")
